"""Who talks to whom, when: skills, seats, matching, live statistics. Knows no Asterisk."""
