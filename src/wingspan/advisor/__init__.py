"""From a job event log to advice about its held jobs.

The arrow: events -> timeline -> episodes -> incidents, features and tensors. A row of the timeline is
a moment: what stands above it was known then, what stands below it was not.
"""
