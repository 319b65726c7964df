"""The retail import: a year of Online Retail II (UCI) through the same services as the API, in their bulk form.

Reads a file, tells sales from returns from what is neither, matches returns to sales, and hands all of it to the
contexts with the times of the file. Interrupted it resumes, run again it changes nothing.
"""
