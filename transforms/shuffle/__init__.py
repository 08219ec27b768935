"""How records get through a shuffle: packed, in shards, spread over the workers; what they say is nobody's business here."""
