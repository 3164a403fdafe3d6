"""What goes out: webhooks, mail, chat, tickets. Nothing here decides; it follows the numbered changes."""
