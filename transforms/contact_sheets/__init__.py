"""The restricted contact sheets: sampled objects before and after the cleaning of their pixels, for people who judge it."""
