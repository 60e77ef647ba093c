"""Own what `POST /email` takes, and how it becomes a message."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from monitors.sandbox.ledger import Mail

# Narrower than RFC 5321 section 4.1.2: no quoted strings, no address literals. Customers of ours need neither.
ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$"
Address = Annotated[str, Field(pattern=ADDRESS)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]


class Email(BaseModel):
    """What `POST /email` takes. Unknown fields are refused: a typing error must not lose a header silently."""

    model_config = ConfigDict(extra="forbid")

    sender: Address = Field(alias="from")
    to: list[Address] = Field(min_length=1, max_length=50)
    subject: Line = Field(default="", max_length=900)
    text: str = Field(default="", max_length=500_000)
    tag: Line = Field(default="", max_length=100)

    @field_validator("to", mode="before")
    @classmethod
    def one_is_a_list_too(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    def as_mail(self) -> Mail:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, ", ".join(self.to), self.subject
        if self.tag:
            message["X-Tag"] = self.tag
        message.set_content(self.text or "\n")
        return Mail(self.sender, self.to, self.subject, message.as_bytes(), "api", self.tag)
