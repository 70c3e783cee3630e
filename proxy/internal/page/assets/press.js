// Buttons that say something when they are pressed: that a telephone has to be looked at
// or, for as long as they rest, that it is too early to have something sent again.
for (const button of document.querySelectorAll("button[data-says]")) {
	const status = button.form.querySelector("[data-status]");
	let resting = "rest" in button.dataset;
	button.ariaDisabled = resting || null;
	button.addEventListener("click", (event) => {
		if (resting) event.preventDefault();
		if (resting || !("rest" in button.dataset)) status.textContent = button.dataset.says;
	});
	setTimeout(() => {
		if (!resting) return;
		resting = false;
		button.ariaDisabled = null;
		status.textContent = "";
	}, 1000 * button.dataset.rest);
}
