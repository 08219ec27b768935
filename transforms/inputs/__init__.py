"""Listing of objects, and the results of earlier runs for them; objects are read in scanning/ and anonymizing/."""
