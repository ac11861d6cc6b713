"""The search for an encoder's strength that gives a wished ratio, SSIM or size."""
