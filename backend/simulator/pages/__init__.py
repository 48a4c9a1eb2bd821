"""The pages for people: Checkout, billing portal, invoices and control page.

- `router`: all routes of the pages.
- `rendering`, `words`: templates, and the text of times, intervals and cards.
- `entry`, `card_forms`: the values of a submitted form, and pages that ask for a card.
- `calls`: calls of API operations. A page then follows the same rules as an API call.
- `checkout`, `checkout_view`: the Checkout page, and the data that it shows.
- `authentication`: the page of the card's bank, for 3-D Secure.
- `portal`, `portal_view`: the billing portal, and the data that it shows.
- `portal_cards`: adding a card in the portal.
- `portal_change`: changing to another plan in the portal.
- `portal_flow`: the start and end of a portal session for a single action.
- `invoices`, `invoice_view`: the page of an invoice, and the data that it shows.
- `invoice_pdf`, `pdf`: the PDF of an invoice, and the writer of PDF files.
- `receipts`: the receipt of a charge.
- `control`: the control page.
- `objects`: pages that show everything the simulator holds.
"""
