"""Whether forgetting works: harm undone, nothing recalled, and at what price beside retraining."""
