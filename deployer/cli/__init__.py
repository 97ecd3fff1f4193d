"""The mouth: parse, call the workflow, print. One verb, one file under `verbs/`."""
