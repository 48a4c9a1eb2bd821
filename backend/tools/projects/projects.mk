##@ Projects

new: $(STAMP) ## name=acme to=../acme [title=AcmeShop] [without="blog"] | make a new project of your own from this one
	@test -n "$$name" && test -n "$$to" || { echo 'Usage: make new name=acme to=../acme [title=AcmeShop] [without="blog"]'; exit 2; }
	$(IN_BACKEND) tools.projects new --name "$$name" --to "$$to" $${title:+--title "$$title"} $${without:+--without "$$without"}

upgrade-project: $(STAMP) # `make upgrade` of a project runs this in a clone of the newest version
	$(IN_BACKEND) tools.projects upgrade --project "$$project" $${source:+--source "$$source"}

.PHONY: new upgrade-project
