// Signing in with Telegram. Its button stands in a frame of Telegram's, which tells
// this page who has signed in; what it tells goes to the gate as it is.
const telegram = "https://oauth.telegram.org";
const form = document.querySelector("form[data-bot]");
const frame = document.createElement("iframe");

const asked = new URLSearchParams({ origin: location.origin, return_to: location.href, size: "large" });
if ("writes" in form.dataset) asked.set("request_access", "write");
frame.src = `${telegram}/embed/${encodeURIComponent(form.dataset.bot)}?${asked}`;
frame.title = form.dataset.title;
frame.referrerPolicy = "origin";
frame.className = "telegram";
form.append(frame);

addEventListener("message", (event) => {
	if (event.origin !== telegram || event.source !== frame.contentWindow) return;
	let said;
	try {
		said = JSON.parse(event.data);
	} catch {
		return;
	}
	if (said?.event !== "auth_user" || !said.auth_data) return;
	for (const [key, value] of Object.entries(said.auth_data)) {
		const field = document.createElement("input");
		field.type = "hidden";
		field.name = `telegram.${key}`;
		field.value = value;
		form.append(field);
	}
	form.requestSubmit();
});
