"""A response that is an event stream, from its options to its end: what the frameworks' modules have in common."""
