"""Papers: statements as PDF, with the glyphs that they use embedded.

`fonts` knows which glyph shows a character and cuts a font to those used; `document` writes the file page by page;
`layout` says what stands where; `statement` reads the ledger and fills the pages. Nothing here computes an amount.
"""
