"""Security guards: it seals exchange keys, hides secrets from every output, and checks passwords and tokens.

Way in: secrets.SecretBox, keys.load_or_create_key(), redact.register_secret(). Leans on: domain.
Passwords are slow on purpose: call them from a thread.
"""
