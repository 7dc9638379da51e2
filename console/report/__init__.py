"""The printable monthly report: figures and charts as one HTML document."""
