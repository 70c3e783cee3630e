// A captcha that accepts every visitor. What it defines is what Turnstile's script
// defines, as any provider's may.
window.turnstile = {
	render(place, options) {
		const button = document.createElement("button");
		button.type = "button";
		button.className = "quiet";
		button.textContent = "I am a person";
		button.addEventListener("click", () => {
			button.disabled = true;
			button.textContent = "A person, it seems";
			options.callback("a-person");
		});
		place.replaceChildren(button);
		return place;
	},
	reset(place) {
		const button = place.querySelector("button");
		button.disabled = false;
		button.textContent = "I am a person";
	},
};
