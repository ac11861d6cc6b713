"""Opening pictures: one file a container format or header, damage told from wholeness, work bounded by the picture's own size."""
