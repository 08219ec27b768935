"""Review by people: the values that stay in an object, and what was decided on some of them."""
