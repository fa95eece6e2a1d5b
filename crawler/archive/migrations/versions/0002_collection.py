"""what fail-over, gaps, moves, habits, pauses and robots.txt need."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column('usual_gap_seconds', sa.Float(), nullable=True),
        sa.Column('gap_weight_seconds', sa.Float(), server_default='0', nullable=False),
        sa.Column('listed', sa.Integer(), nullable=True),
        sa.Column('asks_minutes', sa.Integer(), nullable=True),
        sa.Column('last_body', sa.DateTime(timezone=True), nullable=True),
        sa.Column('distrusted_since', sa.DateTime(timezone=True), nullable=True),
        sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
        sa.Column('gone_since', sa.DateTime(timezone=True), nullable=True),
        sa.Column('moved_to', sa.Text(), nullable=True),
        sa.Column('moved_since', sa.DateTime(timezone=True), nullable=True),
        sa.Column('moved_answers', sa.Integer(), server_default='0', nullable=False),
        sa.Column('old_url', sa.Text(), nullable=True),
        sa.Column('standby', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('burst', sa.Float(), server_default='0', nullable=False),
        sa.Column('peak_rate', sa.Float(), server_default='0', nullable=False),
        sa.Column('items', sa.LargeBinary(), nullable=True),
    ):
        op.add_column('channel', column)
    op.add_column('channel_event', sa.Column('kind', sa.Text(), server_default='health', nullable=False))
    op.create_table('gap',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('filled_by', sa.Text(), nullable=True),
    sa.Column('found', sa.Integer(), server_default='0', nullable=False),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_gap'))
    )
    op.create_index(op.f('ix_gap_settled_at'), 'gap', ['settled_at'], unique=False)
    op.create_index(op.f('ix_gap_state'), 'gap', ['state'], unique=False)
    op.create_table('pause',
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('channel', name=op.f('pk_pause'))
    )
    op.create_table('robots',
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('origin', name=op.f('pk_robots'))
    )


def downgrade() -> None:
    op.drop_table('robots')
    op.drop_table('pause')
    op.drop_index(op.f('ix_gap_state'), table_name='gap')
    op.drop_index(op.f('ix_gap_settled_at'), table_name='gap')
    op.drop_table('gap')
    op.drop_column('channel_event', 'kind')
    for name in (
        'items', 'peak_rate', 'burst', 'standby', 'old_url', 'moved_answers', 'moved_since', 'moved_to', 'gone_since', 'failing_since',
        'distrusted_since', 'last_body', 'asks_minutes', 'listed', 'gap_weight_seconds', 'usual_gap_seconds',
    ):
        op.drop_column('channel', name)
