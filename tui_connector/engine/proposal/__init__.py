"""From an approved plan to a proposal: read, grouped, balanced, compared and judged; pure, without any far side."""
