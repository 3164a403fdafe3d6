"""Keep more of what documents say.

Why: how often an SBOM lists the same thing, who signed it, and whether it keeps to its schema. Uploads from before
are counted as if they had listed nothing twice; their documents are checked by the job that checks new ones.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('upload', sa.Column('listed_count', sa.BigInteger(), nullable=True))
    op.execute('UPDATE upload SET listed_count = component_count')
    op.alter_column('upload', 'listed_count', nullable=False)
    op.add_column('document', sa.Column('envelope', postgresql.JSONB(), nullable=True))
    op.add_column('document', sa.Column('conformance', postgresql.JSONB(), nullable=True))
    op.create_index('ix_document_unchecked', 'document', ['id'], postgresql_where=sa.text('conformance IS NULL'))


def downgrade() -> None:
    op.drop_index('ix_document_unchecked', 'document')
    op.drop_column('document', 'conformance')
    op.drop_column('document', 'envelope')
    op.drop_column('upload', 'listed_count')
