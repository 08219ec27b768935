"""From an object's elements to the de-identified ones; what the profile decides about them stands in profiles/."""
