"""Make room for exports.

Why: a large view of a stream takes a while to write as a document, so it is asked for, made, and fetched.
"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('export',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('stream_id', sa.BigInteger(), nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False),
    sa.Column('format', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), server_default='waiting', nullable=False),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.Column('component_count', sa.BigInteger(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name=op.f('ck_export_state')),
    sa.CheckConstraint("(state = 'done') = (content IS NOT NULL)", name=op.f('ck_export_done_with_content')),
    sa.ForeignKeyConstraint(['stream_id'], ['stream.id'], name=op.f('fk_export_stream_id_stream')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_export')),
    )
    op.create_index('ix_export_requested_at', 'export', ['requested_at'])


def downgrade() -> None:
    op.drop_index('ix_export_requested_at', 'export')
    op.drop_table('export')
