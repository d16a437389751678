-- A page of the inbox holds seven messages of a usual size, and those that come together are claimed together. With a fifth of it free only
-- one of them was claimed in place; the others went to another page, into every index once more. Changes no row and no page that there is.
ALTER TABLE wahook.inbox SET (fillfactor = 50);
