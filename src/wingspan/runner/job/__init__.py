"""All that happens in a job, here and on an execution point.

job.json says what to do, and result.json says what happened.
"""
