"""What bookings, postings and statements mean: pure, without a clock and without a database."""
