"""alerts, silences, and people who took themselves off."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('desk_state', sa.Column('alerts_since', sa.DateTime(timezone=True)))
    op.create_table('alert',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('desk', sa.Text(), nullable=False),
    sa.Column('story', BIG, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('change', sa.Text(), server_default='', nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('storm', BIG),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.Column('reach', sa.JSON(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert')),
    sa.UniqueConstraint('desk', 'story', 'kind', 'revision', name=op.f('uq_alert_desk_story_kind_revision'))
    )
    op.create_index(op.f('ix_alert_desk_at'), 'alert', ['desk', 'at'], unique=False)
    op.create_index(op.f('ix_alert_state'), 'alert', ['state'], unique=False)
    op.create_table('silence',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('desk', sa.Text(), nullable=False),
    sa.Column('story', BIG),
    sa.Column('topic', sa.Text(), server_default='', nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_silence'))
    )
    op.create_index(op.f('ix_silence_desk_until'), 'silence', ['desk', 'until'], unique=False)
    op.create_table('unsubscribed',
    sa.Column('desk', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('how', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('desk', 'address', name=op.f('pk_unsubscribed'))
    )


def downgrade() -> None:
    op.drop_table('unsubscribed')
    op.drop_table('silence')
    op.drop_table('alert')
    with op.batch_alter_table('desk_state') as batch:
        batch.drop_column('alerts_since')
