"""What is listed, what of it is done already and what is gone; objects are opened in scanning/ and anonymizing/."""
