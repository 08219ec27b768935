"""What is known of the people around an object must stand nowhere in its output: bytes are searched, values judged."""
