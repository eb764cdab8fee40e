"""What tests share: the site under test, lab files, the fault proxy. No test lives here."""
