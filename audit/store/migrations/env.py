"""What Alembic runs for each command: the steps, on the connection that `audit.store.migrate` hands over.

That connection is in a transaction already, begun and ended by `migrate`, so either all steps happen or none.
Nothing is read from a file or from the environment.
"""

from alembic import context

from audit.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
