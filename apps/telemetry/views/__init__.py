"""The dashboard pages of metering: connections, projects, models, budgets."""
