"""The API shows: JSON, live events and pages about what the strategies did, and a switch to stop them.

Way in: main.create_app(). Leans on: reporting, db, security. Listens; decides nothing, touches no order.
"""
