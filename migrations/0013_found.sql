-- What guardrails have found in an attempt: JSON in the words of the contract, none where nothing was judged.
ALTER TABLE call_attempts ADD COLUMN found TEXT;
