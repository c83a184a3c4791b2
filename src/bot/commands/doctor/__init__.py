"""The doctor examines: each file looks at one part of an installation and says what it saw and how to mend it.

Way in: command.doctor(). It starts a private database that is there already, and changes nothing else.
"""
