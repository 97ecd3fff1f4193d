"""What the user wrote: spec files become one checked value that knows where everything stands."""
