"""The operator's pages: one program in the browser to run sales with.

The console is a client of the published API, called within the process with the key that its user
signed in with: it can do nothing that the API does not offer. Pages are made on the server and work
without scripts; `static/console.js` only refreshes what is on a page.

A screen is added by a module in `screens/` with a `SCREEN` (see `screen`), its place in
`screens.SCREENS`, a template in `templates/` and texts in `texts/<language>/<screen>.json`. It
knows neither HTTP nor the service: it calls the API, and answers a page or a redirect. What the API
refuses it need not catch: the page is shown again with what the problem document says.
"""
