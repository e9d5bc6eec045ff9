"""Write the folder of a DAG.

nodes.py, submit_description.py and dag_file.py make text, folder.py writes.
"""
