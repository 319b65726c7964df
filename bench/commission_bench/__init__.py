"""How quickly commission is booked, and how quickly a plan is simulated. Stands on the population of `bench/orders`."""
