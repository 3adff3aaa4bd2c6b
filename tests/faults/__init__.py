"""Every class of fault, met with the witnesses beside it: six healthy people who must not notice."""
