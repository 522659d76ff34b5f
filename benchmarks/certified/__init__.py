"""What certified unlearning costs, and how its bounds compare with the truth."""
