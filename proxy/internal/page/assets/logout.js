// Signing out elsewhere. Forms are sent into their frames; once all frames have answered,
// or have had their time, the page goes on.
const each = 5_000;
const all = 6_000;
const after = (time) => new Promise((over) => setTimeout(over, time));

// The frames that stand in the page are loaded when the page is.
const page = new Promise((done) => {
	if (document.readyState === "complete") done();
	else addEventListener("load", done, { once: true });
});

function tell(one) {
	if (!one.matches("form")) return page;
	const [frame] = document.getElementsByName(one.target);
	const loaded = new Promise((done) => frame.addEventListener("load", done, { once: true }));
	HTMLFormElement.prototype.submit.call(one);
	return loaded;
}

const told = [...document.querySelectorAll("[data-told]")].map((one) => Promise.race([tell(one), after(each)]));
const then = document.querySelector("form[data-then]");
if (then) Promise.race([Promise.all(told), after(all)]).then(() => then.requestSubmit());
