"""What runs when: definitions, jobs, schedules, sensors, presets, the CLI."""
