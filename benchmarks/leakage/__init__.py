"""What a client's gradient gives away: attacks beside nulls, and what defences stop."""
