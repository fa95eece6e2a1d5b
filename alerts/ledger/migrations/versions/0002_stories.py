"""stories of copies and of related articles."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('story', sa.Column('merged_into', BIG))
    _grow_story_article()
    _make_tables()
    _add_origins()


def _grow_story_article() -> None:
    # New columns that may not be null need values for the rows that are there; then the table says so on both databases.
    op.add_column('story_article', sa.Column('copies', BIG))
    op.add_column('story_article', sa.Column('matched', BIG))
    op.add_column('story_article', sa.Column('score', sa.Float()))
    op.add_column('story_article', sa.Column('version', sa.Integer()))
    op.add_column('story_article', sa.Column('pinned', sa.Boolean(), server_default=sa.false(), nullable=False))
    # Until now a story was copies of one text and nothing else.
    op.execute('UPDATE story_article SET version = 1, copies = (SELECT min(first.article) FROM story_article AS first'
               " WHERE first.story = story_article.story AND first.relation = 'first')")
    op.execute('UPDATE story_article SET copies = article WHERE copies IS NULL')
    with op.batch_alter_table('story_article') as batch:
        batch.alter_column('copies', existing_type=BIG, nullable=False)
        batch.alter_column('version', existing_type=sa.Integer(), nullable=False)
    op.create_index(op.f('ix_story_article_copies'), 'story_article', ['copies'], unique=False)


def _make_tables() -> None:
    op.create_table('story_move',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('article', BIG, nullable=False),
    sa.Column('was', BIG, nullable=False),
    sa.Column('story', BIG, nullable=False),
    sa.Column('relation', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by', sa.Text(), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_story_move'))
    )
    for column in ('article', 'was', 'story'):
        op.create_index(op.f(f'ix_story_move_{column}'), 'story_move', [column], unique=False)
    op.create_table('story_core',
    sa.Column('story', BIG, autoincrement=False, nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('features', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('story', name=op.f('pk_story_core'))
    )
    op.create_index(op.f('ix_story_core_until'), 'story_core', ['until'], unique=False)
    op.create_table('story_term',
    sa.Column('term', BIG, autoincrement=False, nullable=False),
    sa.Column('story', BIG, autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('term', 'story', name=op.f('pk_story_term')),
    sqlite_with_rowid=False
    )
    op.create_table('story_word',
    sa.Column('word', BIG, autoincrement=False, nullable=False),
    sa.Column('articles', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('word', name=op.f('pk_story_word')),
    sqlite_with_rowid=False
    )
    op.create_table('text_sketch',
    sa.Column('run', BIG, autoincrement=False, nullable=False),
    sa.Column('article', BIG, autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('run', 'article', name=op.f('pk_text_sketch')),
    sqlite_with_rowid=False
    )


def _add_origins() -> None:
    op.create_index(op.f('ix_story_merged_into'), 'story', ['merged_into'], unique=False)
    op.add_column('story', sa.Column('assessment', sa.Integer(), server_default='0', nullable=False))
    op.add_column('story_article', sa.Column('origin', sa.Text()))
    op.add_column('story_article', sa.Column('origin_reason', sa.Text(), server_default='', nullable=False))
    unassessed = sa.text('origin IS NULL')
    op.create_index('ix_story_article_unassessed', 'story_article', ['story'], unique=False,
                    sqlite_where=unassessed, postgresql_where=unassessed)
    op.add_column('weighed', sa.Column('objections', sa.Integer(), server_default='0', nullable=False))
    op.add_column('weighed', sa.Column('assessment', sa.Integer(), server_default='0', nullable=False))
    op.add_column('weighed', sa.Column('reach', sa.JSON(), server_default='{}', nullable=False))
    op.create_table('credit',
    sa.Column('article', BIG, autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('settled', sa.Boolean(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('figures', sa.JSON(), nullable=False),
    sa.Column('credits', sa.JSON(), nullable=False),
    sa.Column('notices', sa.JSON(), nullable=False),
    sa.Column('changes', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('article', name=op.f('pk_credit'))
    )
    op.create_table('decision',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('story', BIG, nullable=False),
    sa.Column('other', BIG, nullable=False),
    sa.Column('articles', sa.JSON(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_by', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decision'))
    )
    for column in ('story', 'other'):
        op.create_index(op.f(f'ix_decision_{column}'), 'decision', [column], unique=False)


def downgrade() -> None:
    for table in ('decision', 'credit'):
        op.drop_table(table)
    op.drop_index('ix_story_article_unassessed', table_name='story_article')
    op.drop_index(op.f('ix_story_merged_into'), table_name='story')
    with op.batch_alter_table('weighed') as batch:
        batch.drop_column('reach')
        batch.drop_column('assessment')
        batch.drop_column('objections')
    for table in ('text_sketch', 'story_word', 'story_term', 'story_core', 'story_move'):
        op.drop_table(table)
    op.drop_index(op.f('ix_story_article_copies'), table_name='story_article')
    with op.batch_alter_table('story_article') as batch:
        for column in ('origin_reason', 'origin', 'pinned', 'version', 'score', 'matched', 'copies'):
            batch.drop_column(column)
    with op.batch_alter_table('story') as batch:
        batch.drop_column('assessment')
        batch.drop_column('merged_into')
