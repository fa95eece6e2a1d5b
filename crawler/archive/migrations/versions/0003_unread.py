"""how many items of a channel's last document wait for the next poll."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('channel', sa.Column('unread', sa.Integer(), server_default='0', nullable=False))


def downgrade() -> None:
    op.drop_column('channel', 'unread')
