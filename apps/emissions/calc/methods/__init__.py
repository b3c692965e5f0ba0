"""The same tokens under several published methods: ours, EcoLogits, a flat coefficient."""
