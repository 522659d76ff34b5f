"""What one client's gradient gives away: attacks, their rivals and the nulls on molecules."""
