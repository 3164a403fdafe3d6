"""Make room for incidents that close on proof, and for the loops around them.

Why: each function below says it for its own tables.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tickets()


def downgrade() -> None:
    _without_tickets()


def _tickets() -> None:
    """Why: tickets elsewhere speak of our exposures, and each system has to be told what changed, once."""
    op.create_table('link',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('system', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('version_seen', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'closed', 'lost')", name=op.f('ck_link_state')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_link_exposure_id_exposure')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link')),
    )
    op.create_index('uq_link_exposure_id_system', 'link', ['exposure_id', 'system'], unique=True)
    op.create_index('ix_link_system_key', 'link', ['system', 'key'])
    op.create_table('ticket_system',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('place', sa.Text(), nullable=False),
    sa.Column('login', sa.Text(), nullable=True),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('options', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('wanted', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('marker', sa.Text(), nullable=False),
    sa.Column('enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reconciled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('waits_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_result', postgresql.JSONB(), nullable=True),
    sa.CheckConstraint("kind IN ('jira', 'github', 'gitlab', 'servicenow')", name=op.f('ck_ticket_system_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_system')),
    )
    op.create_index('uq_ticket_system_name', 'ticket_system', ['name'], unique=True)
    op.create_table('ticket_work',
    sa.Column('system_id', sa.BigInteger(), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('told_id', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('run_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('creating_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_ticket_work_exposure_id_exposure')),
    sa.ForeignKeyConstraint(['system_id'], ['ticket_system.id'], name=op.f('fk_ticket_work_system_id_ticket_system'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('system_id', 'exposure_id', name=op.f('pk_ticket_work')),
    )
    op.create_index('ix_ticket_work_due', 'ticket_work', ['run_at'], postgresql_where=sa.text('run_at IS NOT NULL'))


def _without_tickets() -> None:
    op.drop_table('ticket_work')
    op.drop_table('ticket_system')
    op.drop_table('link')
