"""The audit tables and the job's own account, written when all is done; columns stand in tables/."""
